/** A simulation that went wrong, with all that is needed to repeat it. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure'
  readonly report: string

  /** @param options of `npm run sim`, which repeat it */
  constructor(options: string, schedule: object, cause: unknown, log: readonly string[]) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(`${options}: ${reason}`, { cause })
    this.report = [
      `${options}: ${reason}`,
      `schedule: ${JSON.stringify(schedule)}`,
      `again: npm run sim -- ${options}`,
      ...(cause instanceof Error && cause.name !== 'SimulationError' ? [String(cause.stack)] : []),
      ...log,
    ].join('\n')
  }
}
