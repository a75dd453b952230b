import {
  EXPIRY_ALARM,
  joinAlarm,
  parseAlarm,
  sessionAlarm,
  syncAlarm,
} from '../../../src/coordinators/group/alarms.ts'

describe('the name of an alarm', () => {
  test.each(['g', '', 'with spaces 3 x', '1 2', 'ä😀'])('tells group and member %p apart', (id) => {
    const session = { kind: 'session', groupId: id, memberId: 'm 1' }
    expect(parseAlarm(sessionAlarm(id, 'm 1'))).toEqual(session)
    expect(parseAlarm(sessionAlarm('m 1', id))).toEqual({
      kind: 'session',
      groupId: 'm 1',
      memberId: id,
    })
    expect(parseAlarm(joinAlarm(id))).toEqual({ kind: 'join', groupId: id })
    expect(parseAlarm(syncAlarm(id))).toEqual({ kind: 'sync', groupId: id })
  })

  test('says when it is time to look for expired offsets', () => {
    expect(parseAlarm(EXPIRY_ALARM)).toEqual({ kind: 'expiry' })
  })
})
