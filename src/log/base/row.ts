/** A place in a row. To leave it twice does no harm. */
export interface Place {
  leave(): void
}

/**
 * Who stands in a row, in the order in which they came, each with a link of its own: for rows that many come to and leave all the
 * time, as every fetch does.
 *
 * A Set would do, were it not for the garbage collector. As a Set grows and shrinks it goes from table to table, and each left-behind
 * table knows the next one and what was in it. Once one of them is in the old part of the heap, all that follow it are alive until
 * that part is collected, and with them whoever has stood in them: a sixth of all that fetches allocated was copied, and
 * became old. Who has left a row is not known to it any more, nor it to them.
 */
export class Row<Member> {
  readonly #end = new Link<Member | null>(null)

  get isEmpty(): boolean {
    return this.#end.behind === this.#end
  }

  /** Takes the last place. */
  join(member: Member): Place {
    const link = new Link<Member | null>(member)
    link.standBefore(this.#end)
    return link
  }

  /** Who stands there now: whoever comes or goes doesn't change it. */
  members(): Member[] {
    const members: Member[] = []
    for (let link = this.#end.behind; link !== this.#end; link = link.behind) {
      members.push(link.member!)
    }
    return members
  }
}

/** Its own neighbour as long as it stands nowhere. */
class Link<Member> implements Place {
  member: Member | null
  before: Link<Member> = this
  behind: Link<Member> = this

  constructor(member: Member) {
    this.member = member
  }

  standBefore(other: Link<Member>): void {
    this.before = other.before
    this.behind = other
    other.before.behind = this
    other.before = this
  }

  leave(): void {
    this.before.behind = this.behind
    this.behind.before = this.before
    this.before = this.behind = this
    this.member = null
  }
}
