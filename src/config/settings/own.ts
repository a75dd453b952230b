import { boolean } from '../setting.ts'

/** What Apache Kafka has no setting for. Their names begin with `ottla.`, which none of Kafka's does. */
export const own = {
  'ottla.broker.dead.process.evidence.enable': boolean({
    default: true,
    use: 'acted',
    doc: 'Lets a broker be fenced at once whose connection has ended, and whose machine says twice that nobody listens there.',
  }),
  'ottla.controller.quorum.dead.leader.evidence.enable': boolean({
    default: true,
    use: 'acted',
    doc: "Lets voters stand once their leader's machine says twice that nobody listens where it was.",
  }),
}
