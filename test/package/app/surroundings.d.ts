// What the examples of the READMEs take from their app, and from packages of React Native.
declare const apiUrl: string
declare const code: string
declare const privateKey: Uint8Array

declare module '@react-native-async-storage/async-storage' {
  const storage: {
    getItem(key: string): Promise<string | null>
    setItem(key: string, value: string): Promise<void>
    removeItem(key: string): Promise<void>
  }
  export default storage
}
declare module 'expo-crypto' {
  export function getRandomBytes(length: number): Uint8Array
}
declare module 'expo-secure-store' {
  export function getItemAsync(key: string): Promise<string | null>
  export function setItemAsync(key: string, value: string): Promise<void>
}
