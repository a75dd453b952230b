import { connect, createServer, type Socket } from 'node:net'

/**
 * Publishes ports as a container engine does: what connects to one here is connected with one there. Each argument is
 * `PORT=HOST:PORT`; says `ready` when all listen. `test/cluster/composed.ts` starts it.
 */
const listening = process.argv.slice(2).map((argument) => {
  const [, port, host, target] = /^(\d+)=([^:]+):(\d+)$/.exec(argument)!
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const there = connect({ host: host!, port: Number(target), noDelay: true, allowHalfOpen: true })
    join(client, there)
    join(there, client)
  })
  return new Promise<void>((resolve) => void server.listen(Number(port), '0.0.0.0', resolve))
})

/** Passes on what comes from one, and its end, in whichever way. */
function join(from: Socket, to: Socket): void {
  from.pipe(to)
  from.on('error', () => to.resetAndDestroy())
}

await Promise.all(listening)
console.log('ready')
