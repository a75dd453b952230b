import { editDistance, nearest } from '../../../bin/client/nearest.ts'

describe('Names that may have been meant', () => {
  test('swapped letters count as one mistake', () => {
    expect(editDistance('ordres', 'orders')).toBe(1)
    expect(editDistance('', 'abc')).toBe(3)
    expect(editDistance('kitten', 'sitting')).toBe(3)
  })

  test('the nearest is found, and nothing where none is near', () => {
    expect(nearest('Ordesr', ['invoices', 'orders', 'order-lines'])).toBe('orders')
    expect(nearest('payments', ['orders', 'invoices'])).toBeNull()
    expect(nearest('x', [])).toBeNull()
  })
})
