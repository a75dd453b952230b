import type { ControllerCommand, ReplyTo } from './commands.ts'

/** The way to the active controller, wherever it is: all that a broker wants of it goes through here. */
export interface ControllerChannel {
  /**
   * Asks the controller. The reply comes when what it says is committed; where the controller is in this process, also in
   * this node's image.
   * Rejects with ShardError: ERR_SHARD_LOST where no controller can be asked, or it was lost meanwhile; ERR_COMMIT_TIMEOUT
   */
  submit<Command extends ControllerCommand>(command: Command): Promise<ReplyTo<Command>>
}
