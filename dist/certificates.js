require('./index.js').run('certificates');
