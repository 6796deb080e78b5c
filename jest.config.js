/** Unit tests need neither network nor Docker; lab and e2e tests run the built bundle against real servers. */
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  // Builds and repositories come and go there while tests run.
  modulePathIgnorePatterns: ['<rootDir>/build/', '<rootDir>/.lab/'],
  transform: { '^.+\\.ts$': '<rootDir>/test/strip-types.mjs' },
};

/** What decides without touching anything is covered to more than 90 %; what acts is proven in the lab. */
const pure = ['src/config/**/*.ts', 'src/model/*.ts', 'src/deploy/planning/*.ts', 'src/nginx/render.ts'];

export default {
  collectCoverageFrom: pure,
  // A wait that never ends must be noticed; a busy machine must not.
  testTimeout: 180_000,
  testSequencer: '<rootDir>/test/longest-first.mjs',
  coverageProvider: 'babel',
  coverageReporters: ['text-summary'],
  coverageThreshold: { global: { statements: 90, branches: 90, functions: 90, lines: 90 } },
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/unit/**/*.test.ts', '<rootDir>/test/simulation/**/*.test.ts'],
    },
    { ...shared, displayName: 'lab', testMatch: ['<rootDir>/test/lab/**/*.test.ts'] },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      globalSetup: '<rootDir>/test/e2e/global-setup.ts',
      globalTeardown: '<rootDir>/test/e2e/global-teardown.ts',
    },
  ],
};
