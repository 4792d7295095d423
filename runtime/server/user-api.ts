/**
 * What the root flow offers in `configureApi()` and `configureCommands()`, checked before the app starts: code of the user,
 * so nothing is taken for granted.
 */
import type { ApiRoute, AppCommand, InputSchema } from '../component/flow-options.ts';
import type { Flow } from '../component/flow.ts';
import { appError } from '../errors/index.ts';
import { isForbiddenKey } from '../state/json.ts';

export interface UserApi {
  readonly routes: readonly ApiRoute[];
  readonly commands: readonly AppCommand[];
}

const METHODS: readonly unknown[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** Where Stormkite serves something itself, below the app's root. */
const RESERVED = [
  '/api/v1',
  '/assets',
  '/client',
  '/client.js',
  '/frontends',
  '/healthz',
  '/view',
  '/works',
];
const LITERAL = /^[\w.~-]+$/;
const PARAMETER = /^:[A-Za-z]\w*$/;
const COMMAND = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/**
 * Reads and checks what a flow offers.
 *
 * @throws `API_ROUTE_INVALID`, `API_ROUTE_RESERVED`, `API_ROUTE_DUPLICATE`, `API_COMMAND_INVALID`, `API_COMMAND_DUPLICATE`
 */
export function readUserApi(root: Flow): UserApi {
  const routes: unknown = root.configureApi();
  const commands: unknown = root.configureCommands();
  if (!Array.isArray(routes))
    throw appError('API_ROUTE_INVALID', { route: 'list', problem: 'it is not an array' });
  if (!Array.isArray(commands))
    throw appError('API_COMMAND_INVALID', { command: 'list', problem: 'it is not an array' });
  return { routes: readRoutes(routes), commands: readCommands(commands) };
}

function readRoutes(given: readonly unknown[]): ApiRoute[] {
  const seen = new Map<string, string>();
  return given.map((value, index) => {
    const route = readRoute(value, `number ${index + 1}`);
    const name = `${route.method} ${route.path}`;
    // The names of parameters make no difference to what is asked.
    const shape = name.replaceAll(/:\w+/g, ':');
    const other = seen.get(shape);
    if (other !== undefined) throw appError('API_ROUTE_DUPLICATE', { route: name, other });
    seen.set(shape, name);
    return route;
  });
}

function readRoute(value: unknown, place: string): ApiRoute {
  const { method, path, handler, body } = membersOf(value);
  const name = [method, path].filter((each) => typeof each === 'string').join(' ');
  const route = name === '' ? place : name;
  const refuse = (problem: string): Error => appError('API_ROUTE_INVALID', { route, problem });
  if (!METHODS.includes(method)) throw refuse(`its method is none of ${METHODS.join(', ')}`);
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw refuse('its path does not begin with a slash');
  if (typeof handler !== 'function') throw refuse('its handler is not a function');
  if (!isSchema(body)) throw refuse('its body is not a schema with a parse method');
  const problem = problemOf(path);
  if (problem !== null) throw refuse(problem);
  const reserved = path === '/' ? '/' : RESERVED.find((each) => isAtOrBelow(path, each));
  if (reserved !== undefined) throw appError('API_ROUTE_RESERVED', { route, reserved });
  return value as ApiRoute;
}

function problemOf(path: string): string | null {
  const names = new Set<string>();
  for (const segment of path === '/' ? [] : path.slice(1).split('/')) {
    if (segment === '') return 'its path has an empty segment';
    if (segment === '.' || segment === '..') return `its path has a segment ${segment}`;
    if (PARAMETER.test(segment)) {
      const name = segment.slice(1);
      if (isForbiddenKey(name) || names.has(name)) return `its parameter ${segment} cannot be used`;
      names.add(name);
    } else if (!LITERAL.test(segment)) {
      return `its segment ${segment} has other characters than letters, digits, ".", "_", "~" and "-"`;
    }
  }
  return null;
}

function isAtOrBelow(path: string, reserved: string): boolean {
  return path === reserved || path.startsWith(`${reserved}/`);
}

function readCommands(given: readonly unknown[]): AppCommand[] {
  const seen = new Set<string>();
  return given.map((value, index) => {
    const { name, description, handler, args } = membersOf(value);
    const command = typeof name === 'string' && name !== '' ? name : `number ${index + 1}`;
    const refuse = (problem: string): Error =>
      appError('API_COMMAND_INVALID', { command, problem });
    if (typeof name !== 'string' || !COMMAND.test(name))
      throw refuse('its name is not 1 to 64 lower-case letters, digits, "-" and "_"');
    if (typeof description !== 'string') throw refuse('its description is not text');
    if (typeof handler !== 'function') throw refuse('its handler is not a function');
    if (!isSchema(args)) throw refuse('its args are not a schema with a parse method');
    if (seen.has(name)) throw appError('API_COMMAND_DUPLICATE', { command });
    seen.add(name);
    return value as AppCommand;
  });
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isSchema(value: unknown): value is InputSchema | undefined {
  return value === undefined || typeof membersOf(value)['parse'] === 'function';
}
