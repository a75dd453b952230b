import { principalMapping } from '../../../src/security/tls/principal-mapping.ts'

const DUKE = 'CN=Duke,OU=JavaSoft,O=Sun Microsystems'

describe('ssl.principal.mapping.rules', () => {
  test.each([
    ['DEFAULT', DUKE, DUKE],
    ['RULE:^CN=(.*?),OU=JavaSoft.*$/$1/', DUKE, 'Duke'],
    ['RULE:^CN=(.*?),OU=JavaSoft.*$/$1/L', DUKE, 'duke'],
    ['RULE:^CN=(.*?),OU=JavaSoft.*$/$1/U', DUKE, 'DUKE'],
    ['RULE:^CN=(.*?),OU=(.*?),O=(.*?)$/$1@$2/L, DEFAULT', DUKE, 'duke@javasoft'],
    ['RULE:^OU=.*$/x/, RULE:^CN=(\\w+),.*$/$1/', DUKE, 'Duke'],
    ['RULE:^OU=.*$/x/,DEFAULT', DUKE, DUKE],
    ['RULE:^OU=.*$/x/', DUKE, null],
    // A pattern has to fit the whole name.
    ['RULE:CN=Duke/x/', DUKE, null],
    // What is no group is text, as is what stands behind a backslash.
    ['RULE:^CN=(.*?),.*$/$1@$4/', DUKE, 'Duke@$4'],
    ['RULE:^CN=(.*?),.*$/$12/', DUKE, 'Duke2'],
    ['RULE:^CN=(.*?),.*$/a\\/$1\\$1/', DUKE, 'a/Duke$1'],
    ['', DUKE, null],
  ])('%s', (rules, name, expected) => {
    expect(principalMapping(rules).nameOf(name)).toBe(expected)
  })

  test.each(['RULE:^CN', 'DEFAULTS', 'RULE:(/x/', 'RULE:a/b/X', 'default'])(
    '%s is no rule',
    (rules) => {
      expect(() => principalMapping(rules)).toThrow(SyntaxError)
    },
  )
})
