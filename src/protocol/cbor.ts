export { decodeCbor } from './cbor-decode.ts'
export { encodeCbor } from './cbor-encode.ts'
export { type CborKey, type CborMap, type CborValue, MalformedCbor, Tagged } from './cbor-value.ts'
