import { Command } from 'commander'

const program = new Command('ottla')
program.description('A Kafka broker, and the commands to run it').showHelpAfterError()
program
  .command('start')
  .description('Run a broker until SIGTERM or SIGINT')
  .option('--config <file>', 'a server.properties file with Kafka’s setting names')
  .option('--set <name=value...>', 'a setting; wins over the file and the environment')
  .action(async (options: { config?: string; set?: string[] }) => {
    const { start } = await import('./commands/start.ts')
    await start(options)
  })

await program.parseAsync()
