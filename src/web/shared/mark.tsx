/** The product's sign. */
export function Mark() {
  return (
    <svg className="app-mark" viewBox="0 0 512 512" aria-hidden="true" focusable="false">
      <rect width="512" height="512" rx="112" fill="#0b5d45" />
      <path
        d="M132 368V184l124 116 124-116v184"
        fill="none"
        stroke="#fff"
        strokeWidth="52"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <circle cx="256" cy="142" r="34" fill="#f2b33d" />
    </svg>
  )
}
