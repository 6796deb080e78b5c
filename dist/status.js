require('./index.js').run('status');
