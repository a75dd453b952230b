import { ACL_OPERATIONS, aclNumber } from '../../protocol/acls.ts'
import { isInRange, parseAddressRange } from '../host/address-range.ts'
import type { AddressRange } from '../host/address-range.ts'
import { addressBytes } from '../host/ip-address.ts'
import type { Acl } from '../metadata/acls.ts'
import { Permission, WILDCARD } from '../metadata/acls.ts'
import { OPERATION_NUMBERS } from './authorizer.ts'

const ALL = aclNumber(ACL_OPERATIONS, 'ALL')
const { READ, WRITE, DELETE, ALTER, DESCRIBE, ALTER_CONFIGS, DESCRIBE_CONFIGS } = OPERATION_NUMBERS

export const EVERY_OPERATION = -1

/** Who may do one of these may do the other; who may not do one of these may do the other all the same. */
const IMPLYING: ReadonlyMap<number, readonly number[]> = new Map([
  [DESCRIBE, [DESCRIBE, READ, WRITE, DELETE, ALTER]],
  [DESCRIBE_CONFIGS, [DESCRIBE_CONFIGS, ALTER_CONFIGS]],
])

/** An ACL as decisions need it. */
export interface Rule {
  readonly acl: Acl
  readonly allows: boolean
  /** The operations that it is about, a bit for each by its number. */
  readonly operations: number
  /** Null: all hosts. */
  readonly hosts: Hosts | null
}

interface Hosts {
  /** As the ACL has it. */
  readonly text: string
  /** Where that is an address; what is neither matches by its text alone. */
  readonly address: Buffer | null
  readonly range: AddressRange | null
}

export function ruleOf(acl: Acl): Rule {
  const allows = acl.permissionType === Permission.ALLOW
  return { acl, allows, operations: operationsOf(acl.operation, allows), hosts: hostsOf(acl.host) }
}

function operationsOf(operation: number, allows: boolean): number {
  if (operation === ALL) return EVERY_OPERATION
  // Of a later version: it is none of those that are asked for here.
  if (operation <= ALL || operation >= ACL_OPERATIONS.length) return 0
  let operations = 1 << operation
  if (!allows) return operations
  for (const [implied, implying] of IMPLYING) {
    if (implying.includes(operation)) operations |= 1 << implied
  }
  return operations
}

function hostsOf(text: string): Hosts | null {
  if (text === WILDCARD) return null
  return { text, address: addressBytes(text), range: parseAddressRange(text) }
}

/** The address that a request comes from, as rules are held against it. */
export class ClientHost {
  readonly text: string
  #bytes: Buffer | null | undefined = undefined

  constructor(text: string) {
    this.text = text
  }

  /** Null for what is no IP address. */
  get bytes(): Buffer | null {
    if (this.#bytes === undefined) {
      const bytes = addressBytes(this.text)
      this.#bytes = bytes === null ? null : withoutMapping(bytes)
    }
    return this.#bytes
  }
}

/** [RFC 4291] The address of IPv4 that one of IPv6 stands for. */
function withoutMapping(bytes: Buffer): Buffer {
  const isMapped =
    bytes.length === 16 &&
    bytes.readUInt16BE(10) === 0xffff &&
    bytes.subarray(0, 10).every((byte) => byte === 0)
  return isMapped ? bytes.subarray(12) : bytes
}

/** Whether a rule is about requests from there. An address of IPv6 may be written in any of its forms. */
export function isFrom({ hosts }: Rule, host: ClientHost): boolean {
  if (hosts === null || hosts.text === host.text) return true
  const { address, range } = hosts
  if (address === null && range === null) return false
  const { bytes } = host
  if (bytes === null) return false
  return range === null ? address!.equals(bytes) : isInRange(range, bytes)
}
