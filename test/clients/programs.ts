import path from 'node:path'
import { goBinary, java, python, sourceDirectory } from './toolchains.ts'

/** A driver that is a program of its own. */
export interface Program {
  readonly name: string
  readonly command: readonly string[]
}

export const javascriptProgram = (name: string): Program => ({
  name,
  command: [process.execPath, path.join(import.meta.dirname, 'drivers', `${name}.js`)],
})

const pythonDrivers = {
  'confluent-kafka': 'confluent_driver.py',
  'kafka-python': 'kafka_python_driver.py',
  aiokafka: 'aiokafka_driver.py',
} as const

export type PythonName = keyof typeof pythonDrivers

export const pythonProgram = (name: PythonName): Program => ({
  name,
  command: [python, '-u', path.join(sourceDirectory, 'python', pythonDrivers[name])],
})

export const goProgram = (name: string): Program => ({ name, command: [goBinary(name)] })

export const javaProgram: Program = { name: 'java', command: [...java(), 'Driver'] }
