import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/replication/partition/partition.ts',
    text: "if (!this.#settings().deletesRecords) return done(refusedDeletion('POLICY_VIOLATION'))",
    replacement: '',
    about: 'Records of a compacted topic can be deleted by offset.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: 'this.#deletions.add(target, this.#lowWatermark(log), timeoutMs, done)',
    replacement: 'this.#deletions.add(target, log.logStartOffset, timeoutMs, done)',
    about: 'Records count as deleted that the next leader may still have.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: 'if (log.logStartOffset > start) this.#waiters.startMoved()',
    replacement: '',
    about: 'A deletion of records waits until the fetches of followers have waited for theirs.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: "this.#deletions.refuseAll('NOT_LEADER_OR_FOLLOWER')\n    }",
    replacement: '}',
    about: 'Who has records deleted learns when the time is up that another broker leads by now.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: 'this.#advance(0)\n    this.#lookAtDeletions()\n    // Where',
    replacement: 'this.#advance(0)\n    // Where',
    about: 'A deletion waits for a broker that has died.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: 'this.#leader?.shrinkIsr()\n    this.#lookAtDeletions()',
    replacement: 'this.#leader?.shrinkIsr()',
    about: 'A deletion waits for a broker that has died and was not in sync.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/partition.ts',
    text: 'this.#deletions.refuseAll(this.whyUnusable)',
    replacement: '',
    about: 'A deletion in a directory that fails is not answered before its time is up.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/leader.ts',
    text: 'if (this.#services.broker(follower.brokerId)?.fenced === false)',
    replacement: 'if (follower.brokerId >= 0)',
    about: 'No records can be deleted while a broker is down.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/leader.ts',
    text: 'if (follower.logStartOffset >= least) continue\n',
    replacement: '',
    about: 'The low watermark is that of the last replica, and not the least.',
    killedBy: ['handlers/delete-records'],
  },
  {
    file: 'src/replication/partition/deletions.ts',
    text: 'if (lowWatermark >= pending.offset) this.#end',
    replacement: 'if (lowWatermark > pending.offset) this.#end',
    about: 'A deletion waits for more than it has asked for.',
    killedBy: ['handlers/delete-records'],
  },
]
