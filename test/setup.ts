import { endChildrenWithThisProcess } from '../dev/children.ts'

endChildrenWithThisProcess()
