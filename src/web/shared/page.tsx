import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { type Locale, OfflinePaymentProvider } from '../../ui/index.ts'
import { Crash } from './crash.tsx'
import { type Closed, type Door, doorOf, type Opened, type PageOptions } from './door.ts'
import { Enrol, Opening, OtherDevice } from './enrol.tsx'
import { Failed } from './failed.tsx'
import { InstallFirst } from './install-first.tsx'
import { usePreferences } from './preferences.ts'
import { RescuedDevice } from './rescued.tsx'
import type { SharedMessages } from './words/messages.ts'

interface PageProps<Around, Words extends SharedMessages> {
  readonly page: PageOptions<Around>
  readonly messages: Readonly<Record<Locale, Words>>
  /** The page once its device is open. */
  readonly children: (open: Open<Around>, door: Door, locale: Locale, words: Words) => ReactNode
}

type Open<Around> = Extract<Opened<Around>, { status: 'open' }>

/** Opens the device that this browser is, and shows what came of it. */
export function Page<Around, Words extends SharedMessages>({ page, messages, children }: PageProps<Around, Words>) {
  const { locale } = usePreferences()
  const words = messages[locale]
  const [opened, tell] = useState<Opened<Around>>({ status: 'opening' })
  const door = useMemo(() => doorOf(page, tell), [page])
  useEffect(() => void door.open(), [door])
  const isOpen = opened.status === 'open'
  useEffect(() => {
    // A page that is open names its screens.
    if (!isOpen) document.title = words.title
  }, [words, isOpen])
  return <Crash words={words}>{content()}</Crash>

  function content(): ReactNode {
    if (opened.status === 'open') return children(opened as Open<Around>, door, locale, words)
    if (opened.status === 'gone') return <RescuedDevice gone={opened} door={door} locale={locale} words={words} />
    return <NotOpen opened={opened} door={door} locale={locale} words={words} />
  }
}

interface NotOpenProps {
  readonly opened: Closed
  readonly door: Door
  readonly locale: Locale
  readonly words: SharedMessages
}

function NotOpen({ opened, door, locale, words }: NotOpenProps) {
  return (
    <OfflinePaymentProvider sdk={undefined} locale={locale}>
      {(opened.status === 'opening' || opened.status === 'enrolling') && (
        <Opening text={opened.status === 'opening' ? words.opening : words.enrol.enrolling} />
      )}
      {opened.status === 'install_first' && (
        <InstallFirst words={words} invitation={opened.invitation} onStay={() => void door.become(opened.invitation)} />
      )}
      {opened.status === 'stranger' && <Enrol words={words} opened={opened} door={door} />}
      {opened.status === 'other' && <OtherDevice words={words} opened={opened} door={door} />}
      {opened.status === 'failed' && <Failed words={words} error={opened.error} onRetry={() => void door.open()} />}
    </OfflinePaymentProvider>
  )
}
