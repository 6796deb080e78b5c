/** What we use of @vercel/ncc, which brings no types. */
declare module '@vercel/ncc' {
  export interface StatsModule {
    nameForCondition?: string | null;
    modules?: StatsModule[];
  }
  interface Options {
    cache?: boolean;
    target?: string;
    externals?: string[];
    quiet?: boolean;
  }
  interface Result {
    code: string;
    assets: Record<string, { source: string | Buffer }>;
    stats: { toJson(): { modules?: StatsModule[] } };
  }
  export default function ncc(entry: string, options: Options): Promise<Result>;
}
