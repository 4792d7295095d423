import { code } from '../define-code.ts';

export const apiCodes = {
  API_ROUTE_INVALID: code<{ route: string; problem: string }>({
    kind: 'user',
    summary: 'A route of `configureApi` cannot be served.',
    message: ({ route, problem }) =>
      `the route ${route} of configureApi() cannot be served: ${problem}`,
    hint: () =>
      "write { method: 'POST', path: '/predict/:model', handler: (body) => … }, with a zod schema as body if you like",
  }),
  API_ROUTE_RESERVED: code<{ route: string; reserved: string }>({
    kind: 'user',
    summary: 'A route of `configureApi` lies where Stormkite itself serves something.',
    message: ({ route, reserved }) => `the route ${route} lies below ${reserved}, which is taken`,
    hint: () => 'choose another path, such as one below /api/v2 or /app',
  }),
  API_ROUTE_DUPLICATE: code<{ route: string; other: string }>({
    kind: 'user',
    summary: 'Two routes of `configureApi` answer the same requests.',
    message: ({ route, other }) => `the route ${route} answers the same requests as ${other}`,
    hint: () => 'remove one of them, or change its path or method',
  }),
  API_COMMAND_INVALID: code<{ command: string; problem: string }>({
    kind: 'user',
    summary: 'A command of `configureCommands` cannot be offered.',
    message: ({ command, problem }) =>
      `the command ${command} of configureCommands() cannot be offered: ${problem}`,
    hint: () => "write { name: 'add-user', description: 'Adds a user', handler: (args) => … }",
  }),
  API_COMMAND_DUPLICATE: code<{ command: string }>({
    kind: 'user',
    summary: 'Two commands of `configureCommands` have the same name.',
    message: ({ command }) => `configureCommands() gives two commands named ${command}`,
    hint: () => 'give each command a name of its own',
  }),
  API_COMMAND_UNKNOWN: code<{ command: string; known: string }>({
    kind: 'user',
    summary: 'The app has no command of that name (404).',
    message: ({ command }) => `the app has no command "${command}"`,
    hint: ({ known }) =>
      known === '' ? 'offer it in configureCommands() of the root flow' : `use one of ${known}`,
  }),
  API_INPUT_INVALID: code<{ what: string; problem: string }>({
    kind: 'user',
    summary: "The input of a user's route or command does not fit its schema (422).",
    message: ({ what, problem }) => `the input of ${what} is refused: ${problem}`,
    hint: () => 'see the schema in GET /api/v1/openapi.json',
  }),
  API_REQUEST_REFUSED: code<{ what: string; problem: string }>({
    kind: 'user',
    summary:
      "A user's handler refused a request by throwing an error with a `statusCode` from 400 to 499.",
    message: ({ what, problem }) => `${what} refused the request: ${problem}`,
    hint: () => 'change the request as the message says',
  }),
  API_HANDLER_FAILED: code<{ what: string; problem: string }>({
    kind: 'user',
    summary: "A user's handler threw an error (500).",
    message: ({ what, problem }) => `the handler of ${what} failed: ${problem}`,
    hint: () =>
      'see the logs of the flow for its stack; throw an error with statusCode 400 to 499 to refuse a request',
  }),
  API_HANDLER_TIMEOUT: code<{ what: string; seconds: number }>({
    kind: 'user',
    summary: "A user's handler took too long (504).",
    message: ({ what, seconds }) => `the handler of ${what} gave no answer within ${seconds} s`,
    hint: () => 'put long work into a Work, and answer with what the state tells of it',
  }),
  API_RESULT_NOT_JSON: code<{ what: string; problem: string }>({
    kind: 'user',
    summary: "A user's handler returned something that JSON cannot hold (500).",
    message: ({ what, problem }) =>
      `the handler of ${what} returned what JSON cannot hold: ${problem}`,
    hint: () => 'return plain objects, arrays, strings, finite numbers, booleans or null',
  }),
};
