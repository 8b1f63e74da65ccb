export { decodeCbor } from './cbor-decode.ts'
export { encodeCbor, joinLists } from './cbor-encode.ts'
export { type CborKey, type CborMap, type CborValue, Encoded, MalformedCbor, Tagged } from './cbor-value.ts'
