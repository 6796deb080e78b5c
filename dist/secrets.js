require('./index.js').run('secrets');
