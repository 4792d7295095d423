/** What an app on AWS costs, as it stands in the state at `/app_state/cost`. All amounts are dollars. */
import { z } from 'zod';

const share = z.object({
  perHour: z.number().describe('now'),
  total: z.number().describe('since the app was first billed'),
});

export const costSchema = z.object({
  perHour: z.number().describe('of all machines that are billed now'),
  total: z.number(),
  since: z.number().nullable().describe('epoch milliseconds; null: nothing was billed yet'),
  works: z.record(z.string(), share).describe('by full name; at most 300'),
  others: z.number().describe('total of works that are not listed any more'),
  idle: share.describe('what no work used of shared machines'),
  today: z.object({
    date: z.string().describe('the day in UTC that budgets count'),
    total: z.number(),
    works: z.record(z.string(), z.number()),
  }),
  avoided: z
    .object({
      run: z.number().describe('calls that were stopped before their declared timeout'),
      idle: z.number().describe('idle machines that ECS managed scaling would have held'),
    })
    .describe('estimates'),
  priceDate: z.string(),
  priceRegion: z
    .string()
    .describe('differs from the region of the app where nobody read its prices'),
  unpriced: z.array(z.string()).describe('instance types without a price; they count as nothing'),
});

export type Cost = z.infer<typeof costSchema>;
