/**
 * What a container runs before anything of the app is there: a small program in plain JavaScript, given to `node -e` by the
 * task definition, that fetches the artifact, verifies its SHA-256, unpacks it and imports the host.
 *
 * It has no packages: the request to S3 is signed here (AWS Signature Version 4, "Authenticating Requests (AWS Signature
 * Version 4)" in the Amazon S3 API Reference). It needs `tar`, and `npm` when the app has requirements; the stock image and
 * every image built on Debian, Ubuntu or Amazon Linux with Node have both.
 *
 * The artifact may have more bytes than the task has memory: it goes to a file as it comes, and is unpacked from there.
 */
import { ARTIFACT_SHA256_VARIABLE, ARTIFACT_VARIABLE, WORK_EXIT_CODES } from './contract.ts';

/** Module that is imported, from the artifact's root. */
const TASK_ENTRY = 'node_modules/stormkite/dist/runtime/host/task-main.js';

/** With growing waits of 15 seconds at most, for a minute: S3 may refuse a role that was made a moment ago. */
const TRIES = 9;
/** What is not there, or is not what was deployed, will hardly change. */
const LASTING_TRIES = 3;
/** Milliseconds without a byte after which a request to S3 is given up; how long the whole may take is open. */
const IDLE_MS = 30_000;

const PROGRAM = String.raw`
const { createHash, createHmac } = require('node:crypto');
const { createReadStream, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { spawnSync } = require('node:child_process');
const { pipeline } = require('node:stream/promises');
const { fileURLToPath, pathToFileURL } = require('node:url');
const { env } = process;

const hash = (data) => createHash('sha256').update(data).digest('hex');
const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
const lasting = (error) => Object.assign(error, { isLasting: true });
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function credentials() {
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
  const uri = relative ? 'http://169.254.170.2' + relative : env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (!uri) return { AccessKeyId: env.AWS_ACCESS_KEY_ID, SecretAccessKey: env.AWS_SECRET_ACCESS_KEY, Token: env.AWS_SESSION_TOKEN };
  const token = env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const answer = await fetch(uri, { headers: token ? { authorization: token } : {}, signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error('the task credentials answer ' + answer.status);
  return answer.json();
}

async function save(body, file, heard) {
  const sha256 = createHash('sha256');
  async function* seen(chunks) {
    for await (const chunk of chunks) {
      heard();
      sha256.update(chunk);
      yield chunk;
    }
  }
  await pipeline(body, seen, createWriteStream(file));
  return sha256.digest('hex');
}

async function saveFromS3(url, file) {
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  const bucket = url.hostname;
  const override = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const base = override || 'https://s3.' + region + (region.startsWith('cn-') ? '.amazonaws.com.cn' : '.amazonaws.com');
  const path = '/' + bucket + url.pathname;
  const target = new URL(base.replace(/\/$/, '') + path);
  const { AccessKeyId, SecretAccessKey, Token } = await credentials();
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers = { host: target.host, 'x-amz-content-sha256': hash(''), 'x-amz-date': time };
  if (Token) headers['x-amz-security-token'] = Token;
  const names = Object.keys(headers).sort();
  const canonical = ['GET', path, '', ...names.map((name) => name + ':' + headers[name]), '', names.join(';'), hash('')].join('\n');
  const scope = day + '/' + region + '/s3/aws4_request';
  const text = ['AWS4-HMAC-SHA256', time, scope, hash(canonical)].join('\n');
  const key = ['s3', 'aws4_request'].reduce((k, part) => hmac(k, part), hmac(hmac('AWS4' + SecretAccessKey, day), region));
  const signature = createHmac('sha256', key).update(text).digest('hex');
  headers.authorization = 'AWS4-HMAC-SHA256 Credential=' + AccessKeyId + '/' + scope + ', SignedHeaders=' + names.join(';') + ', Signature=' + signature;
  delete headers.host;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error('S3 has sent nothing for __IDLE_MS__ ms')), __IDLE_MS__);
  try {
    const answer = await fetch(target, { headers, signal: silence.signal });
    if (!answer.ok) {
      const error = new Error('S3 answers ' + answer.status + ' for ' + url + ': ' + (await answer.text()).slice(0, 300));
      throw answer.status === 404 ? lasting(error) : error;
    }
    return await save(answer.body, file, () => timer.refresh());
  } finally {
    clearTimeout(timer);
  }
}

async function fetchTo(file) {
  const url = new URL(env.__ARTIFACT__);
  for (let tries = 1; ; tries += 1) {
    try {
      const sha256 = url.protocol === 'file:' ? await save(createReadStream(fileURLToPath(url)), file, () => {}) : await saveFromS3(url, file);
      if (sha256 !== env.__SHA256__) throw lasting(new Error('its SHA-256 is ' + sha256 + ', not ' + env.__SHA256__));
      return;
    } catch (error) {
      if (tries >= (error.isLasting ? __LASTING_TRIES__ : __TRIES__)) throw error;
      console.error('stormkite: the artifact could not be fetched, trying again:', error.message);
      await pause(Math.min(2 ** tries * 250, 15000));
    }
  }
}

function run(program, args) {
  const { error, status } = spawnSync(program, args, { stdio: ['ignore', 2, 2] });
  if (error || status !== 0) throw new Error(program + ' ' + (error ? error.message : 'ended with ' + status));
}

async function unpackedIn(home) {
  const file = join(home, 'artifact.tgz');
  const root = join(home, 'artifact');
  await fetchTo(file);
  mkdirSync(root);
  run('tar', ['-xzf', file, '-C', root]);
  rmSync(file);
  const { requirements } = JSON.parse(readFileSync(join(root, 'artifact.json'), 'utf8'));
  if (requirements.length > 0) {
    console.error('stormkite: installing ' + requirements.join(' '));
    run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', home, ...requirements]);
  }
  return root;
}

async function start() {
  const home = mkdtempSync(join(tmpdir(), 'stormkite-'));
  let root;
  try {
    root = await unpackedIn(home);
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
  delete env.__ARTIFACT__;
  delete env.__SHA256__;
  process.chdir(join(root, 'app'));
  await import(pathToFileURL(join(root, '__ENTRY__')).href);
}

start().catch((error) => {
  console.error('stormkite: this task cannot start:', error);
  process.exit(__FAILED__);
});
`;

/**
 * The command of every container that runs the app.
 *
 * @param idleMs - milliseconds; see {@link IDLE_MS}
 */
export function bootstrapCommand(idleMs = IDLE_MS): string[] {
  const program = PROGRAM.replaceAll('__ARTIFACT__', ARTIFACT_VARIABLE)
    .replaceAll('__SHA256__', ARTIFACT_SHA256_VARIABLE)
    .replaceAll('__ENTRY__', TASK_ENTRY)
    .replaceAll('__FAILED__', String(WORK_EXIT_CODES.noArtifact))
    .replaceAll('__IDLE_MS__', String(idleMs))
    .replaceAll('__LASTING_TRIES__', String(LASTING_TRIES))
    .replaceAll('__TRIES__', String(TRIES))
    .trim();
  return ['node', '-e', program];
}
