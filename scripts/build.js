// npm run build [-- --if-needed]
const { build, ensureBuilt } = require('./lib/build');

process.exitCode = (process.argv.includes('--if-needed') ? ensureBuilt('server') : build('server')) ? 0 : 1;
