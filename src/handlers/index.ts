import type { Handler } from './handler.ts'
import { apiVersions } from './api-versions.ts'

/**
 * Every API that this broker serves. The only list: dispatch, the ApiVersions answer and the README's table derive from
 * it.
 */
export const handlers: readonly Handler[] = [apiVersions]
