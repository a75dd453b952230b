import { bool, message, string } from '../schema.ts'

/** Who sent a request that a broker forwards to the controller in an Envelope (KIP-590). */
export const DefaultPrincipalData = message({
  name: 'DefaultPrincipalData',
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** 'User', as a rule. */
    type: string,
    name: string,
    tokenAuthenticated: bool,
  },
})
