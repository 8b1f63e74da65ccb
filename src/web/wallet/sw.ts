import { keepPage, type Worker } from '../shared/keep-page.ts'
import { DATABASE } from './database.ts'

declare const self: Worker

keepPage(self, self.__WB_MANIFEST, DATABASE)
