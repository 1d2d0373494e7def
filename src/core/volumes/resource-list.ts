/** Resource name to quantity text, as in allocatable and requests. */
export type CoreResourceList = Readonly<Record<string, string>>;
