/** What a text in PEM has, each as a block of its own with lines of the usual length. */
export interface PemContents {
  readonly certificates: readonly string[]
  /** Private keys, encrypted ones among them. */
  readonly keys: readonly string[]
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g
const LINE = /.{1,64}/g

/**
 * Takes the blocks out of a text. A value of a properties file is a single line, often, and what stands around the blocks
 * (openssl's descriptions of them) means nothing: both go here.
 */
export function pemContents(text: string): PemContents {
  const certificates: string[] = []
  const keys: string[] = []
  for (const [, label = '', body = ''] of text.matchAll(BLOCK)) {
    const block = pemBlock(label, body)
    if (label.endsWith('CERTIFICATE')) certificates.push(block)
    else if (label.endsWith('PRIVATE KEY')) keys.push(block)
  }
  return { certificates, keys }
}

/** @param body in base64, with or without white space; the headers of old encrypted keys stay as they are */
function pemBlock(label: string, body: string): string {
  const hasHeaders = body.includes(':')
  const lines = hasHeaders ? body.trim() : (body.replace(/\s+/g, '').match(LINE) ?? []).join('\n')
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`
}

export function certificatePem(der: Uint8Array): string {
  return pemBlock('CERTIFICATE', Buffer.from(der).toString('base64'))
}

export function privateKeyPem(der: Uint8Array): string {
  return pemBlock('PRIVATE KEY', Buffer.from(der).toString('base64'))
}
