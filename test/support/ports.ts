import { createServer } from 'node:net'

/** Free ports of the loopback interface, all different. */
export const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer().once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
  return ports
}

/** The first of several ports of the loopback interface that follow each other, all of them free. */
export const freePortRange = async (count: number): Promise<number> => {
  for (;;) {
    const [first] = (await freePorts(1)) as [number]
    const ports = Array.from({ length: count }, (_, index) => first + index)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    if (port > 65_535) return resolve(false)
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
