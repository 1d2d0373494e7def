/** What of a host's journal is wanted; times in milliseconds since the epoch. */
export interface JournalQuery {
  readonly services: readonly string[];
  readonly sinceTime?: number;
  readonly untilTime?: number;
  readonly tailLines?: number;
  /** 0 is this boot, -1 the one before. */
  readonly boot?: number;
  /** A regular expression that lines must match. */
  readonly pattern?: string;
}

/** The logs of a host's services, where it keeps a journal. */
export interface HostJournal {
  /** Whether the journal knows the service; false as well when there is no journal. */
  knows(service: string, signal: AbortSignal): Promise<boolean>;
  /** The entries as text, as they come. Throws OrlopError Unsupported when there is no journal. */
  read(query: JournalQuery, signal: AbortSignal): AsyncIterable<Uint8Array>;
}
