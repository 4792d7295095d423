/** Import rules of ARCHITECTURE.md: the core is pure, the edges are thin, imports go one way. */
const core = '^runtime/(component|state|loop|ports|protocol|frontend|errors)/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-has-no-node',
      comment: 'The core imports no Node built-ins but crypto, events and util.',
      severity: 'error',
      from: { path: core },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|events|util)$' },
    },
    {
      name: 'core-knows-no-edge',
      severity: 'error',
      from: { path: core },
      to: { path: '^(runtime/(backends|server|client|host)|cli|infra)/' },
    },
    {
      name: 'state-stands-alone',
      severity: 'error',
      from: { path: '^runtime/state/' },
      to: { path: '^runtime/', pathNot: '^runtime/(state|errors)/' },
    },
    {
      name: 'component-below-loop',
      severity: 'error',
      from: { path: '^runtime/(component|ports|protocol|hardware)/' },
      to: { path: '^runtime/loop/' },
    },
    {
      name: 'backends-know-ports-only',
      severity: 'error',
      from: { path: '^runtime/backends/([^/]+)/' },
      to: {
        path: '^runtime/(loop|server|client|host|backends)/',
        pathNot: '^runtime/(backends/$1/|host/(work-main|reporter|free-port))',
      },
    },
    {
      name: 'cli-uses-doors-and-host',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^runtime/(backends|state|loop)/' },
    },
    {
      name: 'infra-knows-names-only',
      comment:
        'The CDK process loads names, plans and errors; hosts and user code run in a child of it.',
      severity: 'error',
      from: { path: '^infra/' },
      to: {
        path: '^(runtime|cli)/',
        pathNot:
          '^runtime/(errors/|hardware/catalogue|backends/aws/(contract|bootstrap|deployment-plan)\\.ts$)',
      },
    },
    {
      name: 'infra-is-a-door',
      severity: 'error',
      from: { path: '^(runtime|cli)/' },
      to: { path: '^(infra/|node_modules/(aws-cdk-lib|constructs)/)' },
    },
    {
      name: 'aws-stays-at-the-edge',
      severity: 'error',
      from: { pathNot: '^(runtime/backends/aws|infra|cli|test/aws)/' },
      to: { path: 'node_modules/@aws-sdk/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node'] },
  },
};
