/** Tests run from the output of `tsc` (`npm run build` first); the light runner shares modules between files. */
export default {
  runner: 'jest-light-runner',
  testEnvironment: 'node',
  roots: ['<rootDir>/dist/test'],
  setupFilesAfterEnv: ['<rootDir>/dist/test/support/time-limit.js'],
  testMatch: ['**/*.test.js'],
  // Client suites need a broker process and toolchains; `npm test` runs them by test/clients/run.js.
  testPathIgnorePatterns: ['/node_modules/', '/dist/test/clients/'],
}
