import { useState } from 'react'
import { type ClaimChoice, OfflineError, type OpenClaim } from '../../../device/sdk/index.ts'
import { useApp } from '../app-context.tsx'

/** What somebody has answered on this screen, and how it goes. */
export interface Answer {
  readonly claim: OpenClaim
  readonly choice: ClaimChoice
  readonly state: 'sending' | 'given' | OfflineError
}

/** Answers by the local id of their claim, and how to give one. A second press while one is on its way does nothing. */
export function useAnswers() {
  const { sdk } = useApp()
  const [answers, setAnswers] = useState<ReadonlyMap<string, Answer>>(new Map())
  const tell = (answer: Answer) => setAnswers((before) => new Map(before).set(answer.claim.localId, answer))
  const give = async (claim: OpenClaim, choice: ClaimChoice) => {
    if (answers.get(claim.localId)?.state === 'sending') return
    tell({ claim, choice, state: 'sending' })
    try {
      await sdk.answerClaim(claim.localId, choice)
      tell({ claim, choice, state: 'given' })
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      tell({ claim, choice, state: error })
    }
  }
  return { answers, give }
}
