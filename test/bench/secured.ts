import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SCRAM_MODULE } from '../../src/security/sasl/scram.ts'
import { TestAuthority } from '../support/certificates.ts'
import type { Flags } from './client.ts'

/** A listener of another kind than PLAINTEXT, by the settings of Kafka, which both brokers are given. */
export interface Secured {
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT'
  readonly settings: Readonly<Record<string, string>>
  /** Whether it serves who doesn't say who it is. */
  readonly isOpen: boolean
  /** What the client is told for it, whatever it does. */
  readonly clientFlags: Flags
  /** Likewise the sink; null where it can't do that. */
  readonly sinkFlags: Flags | null
}

const host = '127.0.0.1'

/**
 * TLS 1.3 with certificates of an authority of its own. The suite is named: where both sides may choose, Node's and Java's servers
 * don't choose the same.
 */
export const tlsIn = (directory: string): Secured => {
  mkdirSync(directory, { recursive: true })
  const authority = new TestAuthority('bench')
  const { key, certificate } = authority.issue({ subject: [['CN', 'broker']], hosts: [host] })
  const write = (name: string, text: string): string => {
    const file = path.join(directory, name)
    writeFileSync(file, text)
    return file
  }
  return {
    protocol: 'SSL',
    isOpen: true,
    settings: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': write('broker.pem', `${key}${certificate}`),
      'ssl.enabled.protocols': 'TLSv1.3',
      'ssl.cipher.suites': 'TLS_AES_256_GCM_SHA384',
    },
    clientFlags: { 'tls-ca': write('ca.pem', authority.certificate) },
    sinkFlags: {
      'tls-cert': write('sink.pem', certificate),
      'tls-key': write('sink-key.pem', key),
    },
  }
}

/** SCRAM, whose users are in the metadata. */
export const scram: Secured = {
  protocol: 'SASL_PLAINTEXT',
  isOpen: false,
  settings: {
    'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
    // Apache Kafka doesn't start without.
    'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': `${SCRAM_MODULE} required;`,
  },
  clientFlags: {},
  sinkFlags: null,
}
