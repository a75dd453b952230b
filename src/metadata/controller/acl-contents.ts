import { aclOf, aclsOf, contentOf } from '../acls.ts'
import type { MetadataFact } from '../facts.ts'
import type { MetadataImage } from '../image.ts'

/** What the ACLs say that there are, so that none is made twice; looked through when first needed. */
export class AclContents {
  readonly #image: () => MetadataImage
  #contents: Set<string> | null = null

  /** @param image as of the last fact that was noted */
  constructor(image: () => MetadataImage) {
    this.#image = image
  }

  has(content: string): boolean {
    this.#contents ??= new Set(Array.from(aclsOf(this.#image()), contentOf))
    return this.#contents.has(content)
  }

  /** To be told of a fact before it is applied. */
  note(fact: MetadataFact): void {
    if (this.#contents === null) return
    if (fact.type === 'AccessControlEntryRecord') this.#contents.add(contentOf(fact.value))
    if (fact.type !== 'RemoveAccessControlEntryRecord') return
    const acl = aclOf(this.#image(), fact.value.id)
    if (acl !== undefined) this.#contents.delete(contentOf(acl))
  }
}
