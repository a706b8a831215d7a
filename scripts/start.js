// npm start: builds what is missing or out of date, then runs the server. Arguments go to "polyphony serve".
const path = require('node:path');
const { ensureBuilt, ROOT } = require('./lib/build');

const json = process.argv.includes('--json');
if (ensureBuilt('server', json ? console.error : console.log)) {
  process.argv.splice(2, 0, 'serve');
  require(path.join(ROOT, 'bin', 'polyphony.js'));
} else {
  console.error('The server was not started, because it could not be built.');
  process.exitCode = 2;
}
