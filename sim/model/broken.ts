/** The model came to a state that no book may be in. It halts there, as the book's own assertions do. */
export class BookBroken extends Error {
  override name = 'BookBroken'
}

/** @throws BookBroken */
export function assertBook(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new BookBroken(promise)
}
