/**
 * Whether a key is for a step of the till. Not while somebody types, on a phone that shows another screen, or behind a
 * dialog.
 *
 * @param step any element of it
 */
export function isForStep({ target, ctrlKey, metaKey, altKey }: KeyboardEvent, step: HTMLElement | null): boolean {
  if (target instanceof HTMLInputElement || ctrlKey || metaKey || altKey) return false
  return step !== null && step.offsetParent !== null && document.querySelector('dialog[open]') === null
}

/** Enter, pressed for the step as a whole: on a button or link it is that one's, and held down it was for the step before. */
export function isEnter({ key, repeat, target }: KeyboardEvent): boolean {
  return key === 'Enter' && !repeat && target instanceof Element && target.closest('a, button, summary') === null
}
