import { useEffect, useState } from 'react'
import { OfflinePaymentProvider } from '../../ui/index.ts'
import { Crash } from './crash.tsx'
import { Enrol, Opening, OtherTill } from './enrol.tsx'
import { Failed } from './failed.tsx'
import { InstallFirst } from './install-first.tsx'
import { become, type Opened, openTill } from './open.ts'
import { usePreferences } from './preferences.ts'
import { RescueTill } from './rescue-till.tsx'
import { Shell } from './shell.tsx'
import { MESSAGES } from './words/index.ts'

/** The merchant's till: opens the device that this browser is, and shows what came of it. */
export function App() {
  const { locale } = usePreferences()
  const words = MESSAGES[locale]
  const [opened, tell] = useState<Opened>({ status: 'opening' })
  useEffect(() => void openTill(tell), [])
  const isOpen = opened.status === 'open'
  useEffect(() => {
    // An open till names its screens.
    if (!isOpen) document.title = words.title
  }, [words, isOpen])
  return (
    <Crash words={words}>
      {opened.status === 'open' && <Shell till={opened} locale={locale} words={words} />}
      {opened.status === 'gone' && <RescueTill till={opened} locale={locale} words={words} />}
      {opened.status !== 'open' && opened.status !== 'gone' && <NotOpen opened={opened} tell={tell} />}
    </Crash>
  )
}

interface NotOpenProps {
  readonly opened: Exclude<Opened, { status: 'open' | 'gone' }>
  readonly tell: (opened: Opened) => void
}

function NotOpen({ opened, tell }: NotOpenProps) {
  const { locale } = usePreferences()
  const words = MESSAGES[locale]
  return (
    <OfflinePaymentProvider sdk={undefined} locale={locale}>
      {(opened.status === 'opening' || opened.status === 'enrolling') && (
        <Opening text={opened.status === 'opening' ? words.opening : words.enrol.enrolling} />
      )}
      {opened.status === 'install_first' && (
        <InstallFirst
          words={words}
          invitation={opened.invitation}
          onStay={() => void become(opened.invitation, tell)}
        />
      )}
      {opened.status === 'stranger' && <Enrol words={words} opened={opened} tell={tell} />}
      {opened.status === 'other' && <OtherTill words={words} opened={opened} tell={tell} />}
      {opened.status === 'failed' && <Failed words={words} error={opened.error} onRetry={() => void openTill(tell)} />}
    </OfflinePaymentProvider>
  )
}
