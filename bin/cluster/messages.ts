/** What the processes of a cluster on one machine say to each other. */

/** To a node: let others lead in your place, and answer what is in flight. */
export const HAND_OVER = 'hand over'
/** From a node: that is done; it can be stopped. */
export const HANDED_OVER = 'handed over'
