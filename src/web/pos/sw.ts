import { keepPage, type Worker } from '../shared/keep-page.ts'
import { onBackgroundPush } from './carrying/background.ts'
import { DATABASE } from './database.ts'

declare const self: Worker

keepPage(self, self.__WB_MANIFEST, DATABASE)
self.addEventListener('sync', (event) => onBackgroundPush(event))
