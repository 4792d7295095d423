import { code } from '../define-code.ts';

export const hostCodes = {
  HOST_APP_FILE_MISSING: code<{ file: string }>({
    kind: 'user',
    summary: 'The app file does not exist.',
    message: ({ file }) => `${file} does not exist`,
    hint: () => 'give the path of the file that exports your App, such as `stormkite run app.ts`',
  }),
  HOST_APP_FILE_UNREADABLE: code<{ file: string; problem: string }>({
    kind: 'user',
    summary: 'The app file is a folder or cannot be read.',
    message: ({ file, problem }) => `${file} cannot be read: ${problem}`,
    hint: () => 'give the path of a file that you may read (.ts, .mts, .tsx, .js or .mjs)',
  }),
  HOST_APP_SYNTAX: code<{ place: string; problem: string; line: string }>({
    kind: 'user',
    summary: 'A source file of the app cannot be compiled.',
    message: ({ place, problem, line }) =>
      `${place}: ${problem}${line === '' ? '' : `\n\n    ${line}\n`}`,
    hint: ({ place }) => `correct ${place}`,
  }),
  HOST_IMPORT_NOT_FOUND: code<{ place: string; specifier: string }>({
    kind: 'user',
    summary: 'A source file of the app imports something that cannot be found.',
    message: ({ place, specifier }) => `${place} imports "${specifier}", which cannot be found`,
    hint: ({ specifier }) => {
      if (/^[./#]/.test(specifier)) return `correct the path "${specifier}"`;
      if (packageOf(specifier) === 'stormkite')
        return 'import from "stormkite", "stormkite/client" or "stormkite/testing"';
      return `install it: npm install ${packageOf(specifier)}`;
    },
  }),
  HOST_NATIVE_PACKAGE: code<{ package: string }>({
    kind: 'user',
    summary: 'The app imports a package with a native part, which cannot be bundled for AWS.',
    message: ({ package: name }) =>
      `${name} has a native part, which belongs to this machine's platform and cannot be bundled for AWS`,
    hint: ({ package: name }) =>
      `have the task install it: cloudBuildConfig: new BuildConfig({ requirements: ['${name}'] })`,
  }),
  HOST_ARTIFACT_TOO_LARGE: code<{ bytes: number; limit: number; largest: string }>({
    kind: 'user',
    summary: "The app's project has more in it than can be sent to its tasks.",
    message: ({ bytes, limit, largest }) =>
      `the project's files have ${bytes} bytes, more than ${limit}; the largest is ${largest}`,
    hint: ({ largest }) =>
      `leave out what the app does not read: add lines such as ${largest} to .stormkiteignore`,
  }),
  HOST_NOT_BUILT: code<Record<never, never>>({
    kind: 'environment',
    summary: 'What containers run is not part of this installation of stormkite.',
    message: () => 'this installation of stormkite has no runtime for containers',
    hint: () => 'install it again: npm install stormkite; in its own repository: npm run build',
  }),
  HOST_TASK_ENVIRONMENT: code<{ variable: string; problem: string }>({
    kind: 'environment',
    summary: 'A container was started without what its task definition must tell it.',
    message: ({ variable, problem }) => `${variable} ${problem}`,
    hint: () => 'deploy the app again with this version of stormkite',
  }),
  HOST_TASK_NOT_SUPPLIED: code<{ what: string; problem: string }>({
    kind: 'environment',
    summary: 'Something that a container needs to start could not be had in time.',
    message: ({ what, problem }) => `${what} could not be had: ${problem}`,
    hint: () =>
      "check that the container's network reaches AWS and the package registry; it is started again a few times by itself",
    retryable: true,
  }),
  HOST_EMULATION_FAILED: code<{ problem: string }>({
    kind: 'environment',
    summary: 'The emulated app cannot be started or reached.',
    message: ({ problem }) => `the emulated app does not run: ${problem}`,
    hint: () =>
      'read the lines above, and run it locally to see whether the app itself is at fault',
  }),
  HOST_MOUNT_UNREADABLE: code<{ source: string; mountPath: string; problem: string }>({
    kind: 'environment',
    summary: 'An S3 folder that a work mounts cannot be copied to its machine.',
    message: ({ source, mountPath, problem }) => `${source} at ${mountPath}: ${problem}`,
    hint: ({ source, mountPath }) =>
      `check that ${source} exists, that the work's role may read it, and that ${mountPath} can be written`,
  }),
  HOST_SECRET_UNREADABLE: code<{ name: string; source: string; problem: string }>({
    kind: 'environment',
    summary: "A work's secret cannot be read.",
    message: ({ name, source, problem }) => `the secret ${name} from ${source}: ${problem}`,
    hint: ({ source }) => `check that ${source} exists and that the work's role may read it`,
    retryable: true,
  }),
  HOST_APP_LOAD_FAILED: code<{ file: string; problem: string }>({
    kind: 'user',
    summary: 'The app file threw an error while it was loaded.',
    message: ({ file, problem }) => `${file} failed while loading: ${problem}`,
    hint: () => 'mend that line; code outside of run() runs in the flow and in every work',
  }),
  HOST_APP_NO_DEFAULT: code<{ file: string; got: string; named: string | null }>({
    kind: 'user',
    summary: 'The default export of the app file is not an App.',
    message: ({ file, got }) => `the default export of ${file} must be an App, not ${got}`,
    hint: ({ named }) =>
      named === null
        ? 'end the file with `export default new App(new Root())`'
        : `export it as the default: \`export default ${named}\``,
  }),
};

/** `@scope/name` or `name` of an import. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
