require('./index.js').run('provision');
