import type { Api, Shape } from '../../protocol/schema.ts'
import { BrokerLinkError, type BrokerLinks } from '../../src/peer/broker-links.ts'

interface Asked {
  readonly to: number
  readonly name: string
  readonly versions: readonly [number, number]
  readonly body: unknown
}

/** Other brokers that a test plays: what each says to a request, or why it says nothing. */
export class FakeLinks<Request> {
  readonly asked: Asked[] = []
  readonly #answer: (to: number, body: Request) => object | BrokerLinkError['code']

  constructor(answer: (to: number, body: Request) => object | BrokerLinkError['code']) {
    this.#answer = answer
  }

  readonly ask = ((to: number, { name, versions }: Api<Shape, Shape>, body: unknown) => {
    this.asked.push({ to, name, versions, body })
    const answer = this.#answer(to, body as Request)
    return typeof answer === 'string'
      ? Promise.reject(new BrokerLinkError(answer, 'as the test says'))
      : Promise.resolve(answer)
  }) as unknown as BrokerLinks['ask']
}
