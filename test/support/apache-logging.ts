/** What Apache Kafka's own processes are told of logging (`-Dlog4j2.configurationFile`): everything from info on, to the console. */
export const APACHE_LOGGING = `status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
`
