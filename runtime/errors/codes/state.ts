import { code } from '../define-code.ts';

export const stateCodes = {
  STATE_NOT_JSON: code<{ subject: string; what: string; advice: string }>({
    kind: 'user',
    summary: 'A value that JSON cannot hold was put into state.',
    message: ({ subject, what }) => `${subject} holds ${what}, which cannot be stored`,
    hint: ({ advice }) => advice,
  }),
  STATE_TOO_DEEP: code<{ subject: string; limit: number }>({
    kind: 'user',
    summary: 'A value in state is nested deeper than the limit.',
    message: ({ subject, limit }) => `${subject} is nested more than ${limit} levels deep`,
    hint: () => 'flatten the value, or keep it in a file and store its path',
  }),
  STATE_FIELD_NOT_DECLARED: code<{ component: string; field: string }>({
    kind: 'user',
    summary: 'A public field that the class does not declare was assigned.',
    message: ({ component, field }) => `${component}.${field} is not a declared field`,
    hint: ({ field }) =>
      `declare \`${field}\` with a default in the class, or name it \`_${field}\` or \`#${field}\` if it is not state`,
  }),
  STATE_KEY_FORBIDDEN: code<{ subject: string; key: string }>({
    kind: 'user',
    summary: 'A key or path segment that could reach an object prototype was used.',
    message: ({ subject, key }) =>
      `${subject} uses the key "${key}", which is never allowed in state`,
    hint: () => 'choose another key',
  }),
  STATE_POINTER_INVALID: code<{ pointer: string; problem: string }>({
    kind: 'user',
    summary: 'A text is not a JSON Pointer (RFC 6901).',
    message: ({ pointer, problem }) => `"${pointer}" is not a JSON Pointer: ${problem}`,
    hint: () => 'write it like /works/train/vars/loss, with ~1 for "/" and ~0 for "~"',
  }),
  STATE_PATCH_INVALID: code<{ problem: string }>({
    kind: 'user',
    summary: 'A value is not a JSON Patch (RFC 6902).',
    message: ({ problem }) => `the patch is malformed: ${problem}`,
    hint: () => 'send an array of operations such as {"op":"replace","path":"/vars/n","value":1}',
  }),
};
