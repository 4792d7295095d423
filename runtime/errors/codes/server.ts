import { code } from '../define-code.ts';

export const serverCodes = {
};
