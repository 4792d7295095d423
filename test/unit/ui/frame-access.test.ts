import { test } from 'vitest';
import { frameAccess } from '../../../ui/src/logic/frame-access.ts';

test('only pages of the app’s own origin may read the clipboard', ({ expect }) => {
  const own = 'https://app.example';
  const mayRead = (url: string): boolean => frameAccess(url, own).includes('clipboard-read');
  expect(mayRead('https://app.example/frontends/root/')).toBe(true);
  expect(mayRead('http://app.example/')).toBe(false);
  expect(mayRead('https://app.example.evil.test/')).toBe(false);
  expect(mayRead('https://app.example:444/')).toBe(false);
});
