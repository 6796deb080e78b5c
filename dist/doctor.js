require('./index.js').run('doctor');
