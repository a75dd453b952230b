const skipped = process.env['OTTLA_SKIP_UNITS']

/** Tests run from the output of `tsc` (`npm run build` first); the light runner shares modules between files. */
export default {
  runner: 'jest-light-runner/child-process',
  testEnvironment: 'node',
  // Most tests wait for processes of their own; jest would leave one processor alone, of two as of many.
  maxWorkers: '100%',
  testSequencer: '<rootDir>/test/longest-first.js',
  roots: ['<rootDir>/dist/test'],
  setupFilesAfterEnv: ['<rootDir>/dist/test/support/time-limit.js'],
  testMatch: ['**/*.test.js'],
  // Client suites need a broker process and toolchains; `npm test` runs them by test/clients/run.js.
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/test/clients/',
    ...(skipped === undefined ? [] : [skipped]),
  ],
}
