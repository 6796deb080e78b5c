require('./index.js').run('maintenance');
