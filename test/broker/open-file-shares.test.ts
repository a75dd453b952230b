import { LEAST_OPEN_FILES, shareOpenFiles } from '../../src/broker/open-file-shares.ts'

test('logs and connections share what the limit of open files leaves', () => {
  const shares = shareOpenFiles(4096)!
  expect(shares).toEqual({ logFiles: 1920, connections: 1920 })
  expect(shareOpenFiles(1_048_576)).toEqual({ logFiles: 32_768, connections: 1_015_552 })
  for (const limit of [LEAST_OPEN_FILES, 1024, 4096, 20_000]) {
    const { logFiles, connections } = shareOpenFiles(limit)!
    expect(logFiles + connections).toBeLessThan(limit)
    expect(connections).toBeGreaterThanOrEqual(64)
  }
})

test('a limit that is too low for any broker is refused, an unknown one is not', () => {
  expect(shareOpenFiles(LEAST_OPEN_FILES - 1)).toBeNull()
  expect(shareOpenFiles(null)).toEqual({ logFiles: 2048, connections: Infinity })
})
